import { Bar, BarChart, CartesianGrid, Legend, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import { formatMeasure, type Measure, type UsageBucket } from './usage-series.ts'

interface UsageChartProps {
  buckets: UsageBucket[]
  shown: readonly { id: string; label: string }[]
  measure: Measure
  currency: string
}

const chartHeight = 300

/** Hidden from screen readers: the table below it has the same figures. */
export function UsageChart({ buckets, shown, measure, currency }: UsageChartProps) {
  const show = (value: number) => formatMeasure(value, measure, currency)
  return (
    <div className="chart">
      <ResponsiveContainer width="100%" height={chartHeight}>
        <BarChart
          data={buckets}
          margin={{ top: 8, right: 8, bottom: 0, left: 8 }}
          accessibilityLayer
          title="Usage over time"
        >
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="label"
            tickLine={false}
            axisLine={{ stroke: 'var(--line)' }}
            tick={{ fill: 'var(--muted)' }}
            minTickGap={24}
          />
          <YAxis
            width={72}
            tickLine={false}
            axisLine={false}
            tick={{ fill: 'var(--muted)' }}
            tickFormatter={show}
          />
          <Tooltip
            cursor={{ fill: 'var(--hover)' }}
            formatter={(value) => show(Number(value))}
            contentStyle={{ background: 'var(--surface)', borderColor: 'var(--line)', borderRadius: 7 }}
            itemStyle={{ color: 'var(--ink)' }}
            isAnimationActive={false}
          />
          <Legend formatter={(label) => <span className="legend-label">{label}</span>} />
          {shown.map(({ id, label }, at) => (
            <Bar
              key={id}
              dataKey={id}
              name={label}
              stackId="all"
              fill={`var(--data-${(at % 7) + 1})`}
              maxBarSize={48}
              isAnimationActive={false}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
    </div>
  )
}
