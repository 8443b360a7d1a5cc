/**
 * A value for `TF_VAR_<name>` of a variable that is no string: Terraform reads it as an expression, in which `${` and `%{`
 * begin templates; two of JSON's escapes are unknown to it.
 */
export function expression(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(/[$%](?=\{)/g, (sign) => sign + sign)
    .replaceAll(/\\[\\bf]/g, (escape) => ({ '\\b': '\\u0008', '\\f': '\\u000c' })[escape] ?? escape)
}
