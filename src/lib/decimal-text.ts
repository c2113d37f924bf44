/** A whole number of the `digits`th decimal place as a decimal text, without zeros at its end. */
export function decimalText(units: bigint, digits: number): string {
  const padded = units.toString().padStart(digits + 1, '0')
  const fraction = padded.slice(-digits).replace(/0+$/, '')
  return fraction === '' ? padded.slice(0, -digits) : `${padded.slice(0, -digits)}.${fraction}`
}

/** The sum of two decimal texts that {@link decimalText} has made. */
export function addDecimals(left: string, right: string): string {
  const digits = Math.max(fractionOf(left).length, fractionOf(right).length)
  if (digits === 0) return (BigInt(left) + BigInt(right)).toString()
  const units = (text: string): bigint => BigInt(text.split('.')[0] + fractionOf(text).padEnd(digits, '0'))
  return decimalText(units(left) + units(right), digits)
}

const fractionOf = (text: string): string => text.split('.')[1] ?? ''
