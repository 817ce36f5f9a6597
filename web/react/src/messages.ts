import { en } from "./messages/en.js";

/** Every text of the checkout in one language. */
export type Messages = Record<keyof typeof en, string>;

/** Returns a text with its values filled in. */
export type Translate = (key: keyof Messages, values?: Record<string, string | number>) => string;

/** Returns the texts of a language; what it lacks is English. */
export function translator(messages: Partial<Messages> = {}): Translate {
  return (key, values = {}) => {
    const text = messages[key] ?? en[key];
    return text.replace(/\{(\w+)\}/g, (name, value: string) => String(values[value] ?? name));
  };
}
