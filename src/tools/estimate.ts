import { availableParallelism } from 'node:os'
import { coldCosts, type Group } from './catalogue.ts'

/** Guesses how long the rest takes: measured times of a cold build, corrected by how the groups done so far went. */
export class Estimate {
  private readonly left: Set<Group>
  private pace: number

  constructor(groups: Iterable<Group>, cores: number = availableParallelism()) {
    this.left = new Set(groups)
    // The times were measured on two cores; linking keeps more of them from helping fully.
    this.pace = Math.max(0.25, 2 / cores)
  }

  /** While `current` has been built for `seconds`. */
  restSeconds(current?: Group, seconds = 0): number {
    let rest = 0
    for (const group of this.left) {
      const whole = coldCosts[group].seconds * this.pace
      // A group that takes longer than thought is said to need a little more, never nothing.
      rest += group === current ? Math.max(whole - seconds, whole * 0.1) : whole
    }
    return rest
  }

  done(group: Group, seconds: number): void {
    this.left.delete(group)
    this.pace = Math.min(8, Math.max(0.02, seconds / coldCosts[group].seconds))
  }
}
