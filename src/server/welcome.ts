export interface WelcomeFacts {
  publicUrl: string
  /** Whether images are drawn by the sandbox instead of a provider. */
  sandbox: boolean
  /** Whether requests need a key. */
  authenticated: boolean
  /** Who may use the gateway, in one line. */
  access: string
}

/** The last lines of a start: where things are, and one request to paste. */
export function welcome({ publicUrl, sandbox, authenticated, access }: WelcomeFacts): string {
  const key = authenticated ? " -H 'authorization: Bearer <your API key>'" : ''
  const query = 'mutation { generateImage(input: { prompt: \\"a teapot in the rain\\" }) { id status } }'
  return [
    '',
    `  Easel is ready at ${publicUrl}`,
    `  Console    ${publicUrl}/`,
    `  GraphiQL   ${publicUrl}/graphql`,
    `  Access     ${access}`,
    ...(sandbox
      ? ['  Images come from the built-in sandbox, not from a real model: set EASEL_CONFIG to use one.']
      : []),
    '',
    '  Try it:',
    `  curl ${publicUrl}/graphql${key} -H 'content-type: application/json' -d '{"query":"${query}"}'`,
    '',
    '',
  ].join('\n')
}
