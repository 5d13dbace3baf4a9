import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import {
  changeUser,
  createKey,
  createUser,
  listKeys,
  listUsers,
  revokeAllKeys,
  revokeKey,
  setUserRole,
} from './admin/account-commands.ts'
import type { AdminAction, AdminContext } from './admin/admin-context.ts'
import { AdminError, type ExitCode, exitCodes } from './admin/admin-error.ts'
import { listAudit } from './admin/audit-command.ts'
import { listBudgets, setBudget } from './admin/budget-commands.ts'
import { createGatewayClient } from './admin/gateway-client.ts'
import { listRates, setRates } from './admin/rate-commands.ts'
import { printable, printJson } from './admin/table.ts'
import { reportLosses, reportUsage, verifyUsage } from './admin/usage-commands.ts'
import { type Env, readEnv } from './config/env.ts'

export interface AdminOptions {
  env: Env
  write(text: string): void
  writeError(text: string): void
  now: () => Date
}

interface GlobalOptions {
  url: string
  key?: string
  json?: boolean
}

const timeoutMs = 11 * 60_000
/** The largest Int of GraphQL. */
const maxRate = 2_147_483_647

/** Runs one command against the running gateway, which may have its database in its own process. */
export async function runAdmin(args: readonly string[], options: AdminOptions): Promise<number> {
  const outcome: { code: ExitCode } = { code: exitCodes.done }
  const program = createProgram(options, (code) => {
    outcome.code = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return outcome.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
    if (!(error instanceof AdminError)) throw error
    const { message, facts, exitCode } = error
    options.writeError(
      program.opts<GlobalOptions>().json
        ? printJson({ error: { message, ...facts } })
        : `${printable([message, facts.field && `(${facts.field})`].filter(Boolean).join(' '))}\n`,
    )
    return exitCode
  }
}

function createProgram(options: AdminOptions, end: (code: ExitCode) => void): Command {
  const { env, write, writeError, now } = options
  const program = new Command('admin')
    .description('Users, keys, budgets and usage of a running Easel.')
    .option('--url <address>', 'the gateway (EASEL_PUBLIC_URL)', env.publicUrl ?? localUrl(env))
    .option(
      '--key <key>',
      'the key of an admin (EASEL_ADMIN_KEY, which other users of this machine cannot see)',
    )
    .option('--json', 'JSON for scripts')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: writeError })
    .showHelpAfterError('--help says more.')

  /** Adapts a command to Commander, which puts itself behind the arguments. */
  const run =
    <Args extends unknown[]>(action: AdminAction<Args>) =>
    async (...given: unknown[]): Promise<void> => {
      const { url, key = env.adminKey, json = false } = program.opts<GlobalOptions>()
      const context: AdminContext = {
        gateway: createGatewayClient({ url, key, timeoutMs }),
        json,
        now,
        write,
      }
      end((await action(context, ...(given.slice(0, -1) as Args))) ?? exitCodes.done)
    }
  addAccountCommands(program, run)
  addBudgetCommands(program, run)
  addRateCommands(program, run)
  addUsageCommands(program, run)
  addAuditCommand(program, run)
  return program
}

type Run = <Args extends unknown[]>(action: AdminAction<Args>) => (...given: unknown[]) => Promise<void>

const user = '--user <id or name>'

function addAccountCommands(program: Command, run: Run): void {
  const users = program.command('users').description('who uses the gateway')
  users.command('list').description('everybody').action(run(listUsers))
  users
    .command('create <name>')
    .description('makes a user and prints its id')
    .addOption(new Option('--role <role>', 'what it may do').choices(['member', 'admin']).default('member'))
    .action(run(createUser))
  users
    .command('disable <user>')
    .description('locks a user out, at once')
    .action(run(changeUser('disableUser')))
  users
    .command('enable <user>')
    .description('lets it in again; of a deleted one, its subject as a new user')
    .action(run(changeUser('enableUser')))
  users
    .command('delete <user>')
    .description('forgets who it was, for good; its usage stays')
    .action(run(changeUser('deleteUser')))
  users
    .command('set-role <user>')
    .description('makes it an admin or a member')
    .addArgument(new Argument('<role>').choices(['member', 'admin']))
    .action(run(setUserRole))

  const keys = program.command('keys').description('API keys')
  keys
    .command('list')
    .description('keys, revoked ones included')
    .option(user, 'of this user only')
    .action(run(listKeys))
  keys
    .command('create <name>')
    .description('makes a key and prints it, this once')
    .requiredOption(user, 'whose')
    .option('--expires <time>', 'opens nothing from this day or time on (UTC)')
    .option('--models <names>', 'may use only these, with commas between')
    .action(run(createKey))
  keys
    .command('revoke <id>')
    .description('makes a key, and what was made with it, open nothing, at once')
    .action(run(revokeKey))
  keys
    .command('revoke-all')
    .description('the same for every key of a user')
    .requiredOption(user, 'whose')
    .action(run(revokeAllKeys))
}

function addBudgetCommands(program: Command, run: Run): void {
  const budgets = program.command('budgets').description('limits on what users use')
  budgets
    .command('list')
    .description('limits and what is left')
    .option(user, 'of this user only')
    .action(run(listBudgets))
  budgets
    .command('set')
    .description('sets a limit or takes it away')
    .requiredOption(user, 'whose')
    .addOption(
      new Option('--period <period>', 'for how long')
        .choices(['day', 'month', 'total'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--unit <unit>', 'of what').choices(['tokens', 'money']).makeOptionMandatory())
    .option('--currency <code>', "of money, such as USD; the budget's own or the gateway's by default")
    .requiredOption('--limit <limit>', 'tokens, or money such as 12.50; none takes the limit away')
    .action(run(setBudget))
}

function addRateCommands(program: Command, run: Run): void {
  const rates = program.command('rates').description('how much users and keys may ask for')
  rates
    .command('list')
    .description('limits of users, and of keys that have their own')
    .option(user, 'of this user only')
    .action(run(listRates))
  rates
    .command('set')
    .description('sets limits of a user or of one key; what is not named stays')
    .option(user, 'whose')
    .option('--api-key <id>', 'of this key only, beside the limits of its user')
    .option('--requests-per-minute <count>', 'one for paid work or a report counts 10', readRate)
    .option('--images-per-minute <count>', 'images that are asked for', readRate)
    .option('--tokens-per-minute <count>', 'tokens that they can take at most', readRate)
    .option('--concurrent-operations <count>', 'operations that are queued or run', readRate)
    .addHelpText(
      'after',
      "\nA count is a whole number from 1, or default: the gateway's, or for a key the user's.",
    )
    .action(run(setRates))
}

function addUsageCommands(program: Command, run: Run): void {
  const timeZone = new Option(
    '--time-zone <zone>',
    "where days and months begin; the gateway's unless told otherwise",
  )
  const usage = program.command('usage').description('what was used')
  usage
    .command('report')
    .description('adds up usage; this month so far, unless told otherwise')
    .option('--from <time>', 'from this day or time on')
    .option('--to <time>', 'until before this day or time')
    .option(
      '--group-by <dimensions>',
      'user, end-user, provider, model, kind, hour, day, month, with commas between',
    )
    .option(user, 'only this user')
    .option('--end-user <name>', 'only for this end user')
    .option('--provider <name>', 'only this provider')
    .option('--model <name>', 'only this model')
    .addOption(new Option('--kind <kind>', 'only this kind').choices(['generate', 'edit', 'variation']))
    .addOption(timeZone)
    .option('--csv', 'as a file for spreadsheets')
    .action(run(reportUsage))
  usage
    .command('losses')
    .description('what the house may have paid for and nobody got; this month so far, unless told otherwise')
    .option('--from <time>', 'from this day or time on')
    .option('--to <time>', 'until before this day or time')
    .addOption(timeZone)
    .action(run(reportLosses))
  usage
    .command('verify')
    .description('computes the hourly sums anew; exits with 4 when they are wrong')
    .option('--repair', 'makes them right')
    .action(run(verifyUsage))
}

function addAuditCommand(program: Command, run: Run): void {
  program
    .command('audit')
    .description('who did what to users, keys and budgets, the newest first')
    .option(user, 'only what this user did, or what was done to it')
    .option('--action <action>', 'only this, such as disable-user')
    .option('--last <count>', 'how many', readCount, '50')
    .action(run(listAudit))
}

function readCount(text: string): string {
  if (/^[1-9]\d{0,5}$/.test(text)) return text
  throw new InvalidArgumentError('It is a whole number from 1 on.')
}

function readRate(text: string): number | 'default' {
  if (text === 'default') return text
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= maxRate) return Number(text)
  throw new InvalidArgumentError(`It is a whole number from 1 to ${maxRate}, or default.`)
}

/** A gateway on this machine; one that listens on every address is found on the loopback one. */
function localUrl({ host = '127.0.0.1', port = '4000' }: Env): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

if (import.meta.main) {
  process.exitCode = await runAdmin(process.argv.slice(2), {
    env: readEnv(),
    write: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    now: () => new Date(),
  })
}
