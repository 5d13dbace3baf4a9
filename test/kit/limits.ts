/**
 * How long a test, a hook or a wait may take before it counts as hanging. It is no promise of speed: a machine that is
 * slow, or busy with something else, comes to the same verdict later.
 */
export const hangMs = 5 * 60_000

/** A wait within a test ends before the test does, so that it can say what it was for. */
export const waitMs = hangMs / 2

/** `npm run test:faults`: every case in every form, where `npm test` has a short one. */
export const isLong = process.env.EASEL_TEST_LONG === '1'
