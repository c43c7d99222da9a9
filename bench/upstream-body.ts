/** 1 KiB of JSON, what every upstream of the bench answers. */
export const UPSTREAM_BODY = filled(1024);

function filled(bytes: number): string {
  const order = {
    id: "ord_0001",
    status: "open",
    currency: "EUR",
    lines: [{ sku: "A-100", quantity: 2, price: 19.5 }],
    note: "",
  };
  const room = bytes - JSON.stringify(order).length;
  return JSON.stringify({ ...order, note: "leave it with the neighbours ".repeat(99).slice(0, room) });
}
