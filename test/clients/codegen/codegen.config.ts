/** For `graphql-codegen --config codegen.config.ts`. Easel's scalars are strings on the wire, and an upload is a file. */
export default {
  schema: 'schema.graphql',
  documents: '*.graphql',
  generates: {
    'generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumType: 'string-literal',
        scalars: {
          ID: 'string',
          Upload: 'Blob',
          BigInt: 'string',
          DateTime: 'string',
          ImageSize: 'string',
          JSON: 'unknown',
        },
      },
    },
  },
}
