/** JSON of exactly that many bytes, at least 512: an order with as many lines as fit. */
export function bodyOf(bytes: number): string {
  const line = { sku: "A-100", quantity: 2, price: 19.5, gift: false, note: "leave it with the neighbours" };
  const order = (lines: number, rest: string): string =>
    JSON.stringify({ id: "ord_0001", currency: "EUR", lines: Array.from({ length: lines }, () => line), rest });
  const lines = Math.floor((bytes - order(0, "").length) / (JSON.stringify(line).length + 1));
  return order(lines, ".".repeat(bytes - order(lines, "").length));
}
