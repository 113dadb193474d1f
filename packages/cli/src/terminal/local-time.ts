/** A time as people here write it, to the second or the millisecond; what is no time stays as it is. */
export function localTime(iso: string, precision: "seconds" | "milliseconds" = "seconds"): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const [year, ...others] = [
    date.getFullYear(),
    date.getMonth() + 1,
    date.getDate(),
    date.getHours(),
    date.getMinutes(),
    date.getSeconds(),
  ];
  const [month, day, hours, minutes, seconds] = others.map((part) => String(part).padStart(2, "0"));
  const fraction = precision === "milliseconds" ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
  return `${year}-${month}-${day} ${hours}:${minutes}:${seconds}${fraction}`;
}
