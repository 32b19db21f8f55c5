export namespace JSX {
  interface Node {
    type: unknown;
    props: object;
  }
  type Element = Node | string | null;
  interface IntrinsicElements {
    [name: string]: { [prop: string]: unknown };
  }
  interface ElementChildrenAttribute {
    children: unknown;
  }
}

export const Fragment: unknown;
export function jsx(type: unknown, props: unknown): JSX.Element;
export function jsxs(type: unknown, props: unknown): JSX.Element;
