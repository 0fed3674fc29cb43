// Draws the saloon deck and lets a customer choose where to sit.

const WINDOW_COLUMNS = new Set(["A", "F"]);

/** Free seats, those at a window first, then the ones closest to the stairs. */
export function bestSeats(seats, count) {
  const free = seats.filter((seat) => !seat.taken);
  free.sort((left, right) => {
    const window = Number(WINDOW_COLUMNS.has(right.column)) - Number(WINDOW_COLUMNS.has(left.column));
    return window || left.row - right.row;
  });
  return free.slice(0, count);
}

/** Keeps a seat for this visitor for eight minutes; answers false when somebody was faster. */
export async function hold(seat, fetcher = fetch) {
  const reply = await fetcher(`/seats/${seat.id}/hold`, { method: "POST" });
  if (reply.status === 409) {
    seat.taken = true;
    return false;
  }
  return reply.ok;
}
