import { randomInt } from 'node:crypto'

/** Letters and digits without look-alikes: the omega-ml client decodes nothing in URLs, and people type these. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** A random alphanumeric word of `length` characters (5.8 bits each); starts with a letter. */
export function randomWord(length: number): string {
  const letters = 49
  let word = ALPHABET.charAt(randomInt(letters))
  while (word.length < length) word += ALPHABET.charAt(randomInt(ALPHABET.length))
  return word
}

/** Replaces every known secret in a text. Words of under 6 characters are left: they would blank out ordinary text. */
export function masker(secrets: Iterable<string>): (text: string) => string {
  const words = [...new Set(secrets)].filter((secret) => secret.length >= 6).sort((a, b) => b.length - a.length)
  return (text) => words.reduce((masked, word) => masked.split(word).join('******'), text)
}
