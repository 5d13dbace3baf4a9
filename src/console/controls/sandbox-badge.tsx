export function SandboxBadge() {
  return (
    <span className="badge sandbox" title="These images are drawn by Easel's own sandbox, not by a model.">
      Sandbox
    </span>
  )
}
