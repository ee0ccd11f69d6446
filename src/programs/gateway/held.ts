/** Keeps the process while `run` works: a timer of a clock holds none. */
export async function held<T>(run: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 2 ** 30);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
