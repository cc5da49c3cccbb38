// A page in a cell's output is an iframe. Make it as tall as the bench, so that there is only one scroll bar.

/** Keeps this document's frame as tall as its content. Does nothing without a frame, or in a frame of another origin. */
export function fitFrame(document: Document): void {
  const frame = document.defaultView?.frameElement as HTMLElement | null | undefined;
  if (!frame) return;
  const resize = () => {
    frame.style.height = `${Math.ceil(document.body.getBoundingClientRect().height) + 28}px`;
  };
  new ResizeObserver(resize).observe(document.body);
  resize();
}
