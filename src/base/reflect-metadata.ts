/**
 * The four functions of the package `reflect-metadata` that tsyringe, inside @peculiar/x509, insists on at import time.
 * Import this file before @peculiar/x509.
 */
const bags = new WeakMap<object, Map<unknown, unknown>>()

const find = (key: unknown, target: object): unknown => bags.get(target)?.get(key)

function define(key: unknown, value: unknown, target: object): void {
  const bag = bags.get(target) ?? new Map<unknown, unknown>()
  bags.set(target, bag.set(key, value))
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getMetadata: find, getOwnMetadata: find, defineMetadata: define })
}
