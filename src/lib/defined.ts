type Defined<Fields> = { [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key] } & {
  [Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined>
}

/** The fields that have a value, as an object of their own: to spread where a key that is there and undefined would say something else than none. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  const found: Record<string, unknown> = {}
  for (const key in fields) if (fields[key] !== undefined) found[key] = fields[key]
  return found as Defined<Fields>
}
