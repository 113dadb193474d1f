/** A number from 0 to 2³²-1 that is always the same for the same text (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The element that a number stands for. @throws RangeError when there is none to choose. */
export function chooseBy<T>(number: number, list: readonly T[]): T {
  const chosen = list[number % list.length];
  if (chosen === undefined) throw new RangeError("There is nothing to choose from: the list is empty.");
  return chosen;
}
