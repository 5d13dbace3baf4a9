import type { ReactNode } from 'react'
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components/Button'
import { Icon, type IconName } from './icon.tsx'

export interface ButtonProps extends Omit<AriaButtonProps, 'children' | 'className' | 'style' | 'isPending'> {
  children: ReactNode
  variant?: 'primary' | 'plain' | 'quiet' | 'danger'
  icon?: IconName
  /** Its action is under way, so it cannot be pressed again. */
  isPending?: boolean
}

export function Button({ children, variant = 'plain', icon, isPending, ...props }: ButtonProps) {
  return (
    <AriaButton
      className="button"
      data-variant={variant}
      {...props}
      isDisabled={isPending || props.isDisabled || false}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </AriaButton>
  )
}

/** A button with an icon only. Its label is read by screen readers and shown as a tooltip. */
export function IconButton({ label, icon, ...props }: { label: string; icon: IconName } & AriaButtonProps) {
  return (
    <AriaButton className="button icon-button" data-variant="quiet" aria-label={label} {...props}>
      <Icon name={icon} />
    </AriaButton>
  )
}
