/**
 * Asks again until the answer is true, for what a pool does soon after it has replied. Fails after
 * `ms`, generous enough for any machine.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 120_000,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
