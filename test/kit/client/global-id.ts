export const globalId = (type: string, id: string) => Buffer.from(`${type}:${id}`).toString('base64url')

/** The database's id behind a GraphQL one. */
export const rawId = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? ''

/** An id that leads nowhere. */
export const nowhere = '01997c5a-0000-7000-8000-000000000000'
