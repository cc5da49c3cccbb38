// A page inside a cell's output is an iframe: it should be as tall as the bench, so that there is one scroll bar.

/** Keep the frame that holds this document as tall as its content. Does nothing in a page of its own, or in a stranger's frame. */
export function fitFrame(document: Document): void {
  const frame = document.defaultView?.frameElement as HTMLElement | null | undefined;
  if (!frame) return;
  const resize = () => {
    frame.style.height = `${Math.ceil(document.body.getBoundingClientRect().height) + 28}px`;
  };
  new ResizeObserver(resize).observe(document.body);
  resize();
}
