/** What root fields count against the rate of a user, where a plain one counts 1. */

/** Sends work to a provider. */
export const paidWork = { ratePoints: 10 }

/** Reads the usage of a long time. */
export const report = { ratePoints: 10 }
