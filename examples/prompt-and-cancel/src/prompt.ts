/** What the model is asked. */
export const TEMPLATE = "Write about {topic} in the style of {style}. Use at most {words} words.";

/**
 * Puts the parameters into the places of a template: `{topic}` becomes the value of topic.
 * @throws Error that names the place for which there is no parameter.
 */
export function fillPrompt(template: string, parameters: Readonly<Record<string, string | number>>): string {
  // In one pass: braces inside a value are text, not places.
  return template.replaceAll(/\{(\w+)\}/g, (_place, name: string) => {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined) throw new Error(`The prompt has a place for ${name}, and no parameter of that name was given.`);
    return String(value);
  });
}
