/** One turn of the event loop: whatever was due has run. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => resolve());
  });
