import { createHash } from 'node:crypto'

/** The first steps with a new gateway, in this order. */
const tabs = [
  {
    query: `mutation Generate($input: GenerateImageInput!) {
  generateImage(input: $input) {
    id
    status
  }
}
`,
    variables: { input: { prompt: 'a teapot in the rain', partialImages: 2 } },
  },
  {
    query: `# Follows an operation from any tab: put the id of one in the variables.
subscription Watch($id: ID!, $after: Int) {
  partialImages(operationId: $id, after: $after) {
    sequence
    type
    ... on PartialImageEvent {
      image {
        id
        url(width: 320)
      }
    }
    ... on ImageCompletedEvent {
      image {
        id
        url
      }
      usage {
        totalTokens
      }
    }
    ... on ImageFailedEvent {
      error {
        reason
        message
      }
    }
  }
}
`,
    variables: { id: '<the id of an operation>', after: 0 },
  },
  {
    query: `# Files come by multipart requests, which GraphiQL does not send: edit an image that Easel has.
mutation Edit($input: EditImageInput!) {
  editImage(input: $input) {
    id
    status
    error {
      reason
      message
    }
    response {
      data {
        id
        url
      }
    }
  }
}
`,
    variables: { input: { prompt: 'the same by night', image: [{ imageId: '<the id of an image>' }] } },
  },
  {
    query: `query Usage($from: DateTime!, $to: DateTime!) {
  usage(from: $from, to: $to, groupBy: [MODEL, DAY]) {
    rows {
      model
      start
      operations
      images
      totalTokens
      cost {
        amountMicros
        currency
      }
    }
    total {
      totalTokens
    }
  }
}
`,
    variables: { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
  },
]

/**
 * GraphiQL from one answer, without a request to anywhere else: its scripts, styles and workers are all in the page.
 * That is 9 MB of text: its module is loaded at the first visit, and no page is kept.
 */
export async function openGraphiQLPage(options: { authenticationRequired: boolean }): Promise<Response> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const headers = options.authenticationRequired ? '{ "authorization": "Bearer <your API key>" }' : '{}'
  const page = renderGraphiQL({
    title: 'Easel',
    defaultHeaders: headers,
    defaultTabs: tabs.map(({ query, variables }) => ({
      query,
      variables: JSON.stringify(variables, null, 2),
      headers,
    })),
  }).trimStart()
  return new Response(page, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policyFor(page),
      'cache-control': 'no-store',
    },
  })
}

/** Runs the page's own script and the workers it makes of itself, and talks to this gateway alone. */
function policyFor(page: string): string {
  const start = page.indexOf('<script>') + '<script>'.length
  const script = page.slice(start, page.lastIndexOf('</script>'))
  const hash = createHash('sha256').update(script).digest('base64')
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}' blob:`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
