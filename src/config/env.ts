/** The only file that reads the environment. An empty variable counts as absent. */
export function readEnv(source: NodeJS.ProcessEnv = process.env) {
  const read = (name: string): string | undefined => source[name]?.trim() || undefined
  return {
    host: read('HOST'),
    port: read('PORT'),
    databaseUrl: read('DATABASE_URL'),
    dataDir: read('EASEL_DATA_DIR'),
    storage: read('EASEL_STORAGE'),
    configFile: read('EASEL_CONFIG'),
    auth: read('EASEL_AUTH'),
    adminKey: read('EASEL_ADMIN_KEY'),
    publicUrl: read('EASEL_PUBLIC_URL'),
    urlSecret: read('EASEL_URL_SECRET'),
    logLevel: read('LOG_LEVEL'),
    nodeEnv: read('NODE_ENV'),
    /** The value for `${NAME}` in the configuration file. */
    variable: read,
  }
}

export type Env = ReturnType<typeof readEnv>
