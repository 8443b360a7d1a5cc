/** Keeps what was made last, by what it was made of: for what is dear to make and always comes out the same. */
export class Recent<Value> {
  private readonly entries = new Map<string, Value>()
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  get(key: string, make: () => Value): Value {
    const known = this.entries.get(key)
    const value = known ?? make()
    // A Map keeps the order of insertion: whoever was asked for is the newest again.
    if (known !== undefined) this.entries.delete(key)
    this.entries.set(key, value)
    const [oldest] = this.entries.size > this.limit ? this.entries.keys() : []
    if (oldest !== undefined) this.entries.delete(oldest)
    return value
  }
}
