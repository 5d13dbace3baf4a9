const paths = {
  brush: 'M14.5 3.5l6 6L11 19c-1.5 1.5-4.5 2-7 1.5.5-2.5 1-5.5 2.5-7zM12 6l6 6',
  eraser: 'M8.5 19.5L3.5 14.5 14 4l6 6-9.5 9.5zM9 9l6 6M8 20h12',
  list: 'M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01',
  chart: 'M4 20V10M10 20V4M16 20v-7M21 20H3',
  people:
    'M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c.5-3.5 3-5.5 6.5-5.5s6 2 6.5 5.5M16 4.5a3.5 3.5 0 010 6M18 14.800c2 .7 3.200 2.5 3.5 5.200',
  undo: 'M4 9h10a5 5 0 010 10H8M4 9l4-4M4 9l4 4',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  invert: 'M12 3a9 9 0 100 18V3zM12 3a9 9 0 010 18',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  chevron: 'M6 9l6 6 6-6',
  upload: 'M12 16V5M7 9l5-5 5 5M4 20h16',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01',
  wand: 'M5 19L15 9M17 3v4M15 5h4M20 10v3M18.5 11.5h3M9 4v3M7.5 5.5h3',
  dice: 'M5 5h14v14H5zM9 9h.01M15 15h.01M15 9h.01M9 15h.01M12 12h.01',
} as const

export type IconName = keyof typeof paths

/** An icon beside a text or in a control with a label, so it is hidden from screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}
