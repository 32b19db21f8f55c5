import type { JSX } from './jsx-runtime';

export function cond(name: string): boolean;
export function trace(text: string): void;

export interface Details<Value> {
  value: Value;
  variant?: string;
  reason?: string;
}

export interface Client {
  isEnabled(key: string, context?: object): boolean;
  boolVariation(key: string, fallback: boolean): boolean;
  stringVariation(key: string, fallback: string): string;
  numberVariation(key: string, fallback: number): number;
  getBooleanValue(key: string, fallback: boolean): Promise<boolean>;
  getStringValue(key: string, fallback: string): Promise<string>;
  getBooleanDetails(key: string, fallback: boolean): Promise<Details<boolean>>;
}

export const flags: Client;

export function useFlag(key: string): boolean;
export function useFlags(): { [key: string]: boolean };
export function useBooleanFlagDetails(key: string, fallback: boolean): Details<boolean>;

export function render(node: unknown): unknown;
export function useMemo<T>(make: () => T, dependencies: unknown[]): T;
export function useCallback<T>(callback: T, dependencies: unknown[]): T;
export function useEffect(effect: () => void, dependencies: unknown[]): void;
export function useState<T>(value: T): [T, (value: T) => void];

type Component<Props> = (props: Props) => JSX.Element;

export function lazy<Props>(load: () => Promise<{ default: Component<Props> }>): Component<Props>;
export const Suspense: Component<{ fallback: unknown; children?: unknown }>;
export const ConditionallyRender: Component<{
  condition: boolean;
  show: JSX.Element | (() => JSX.Element);
  elseShow?: JSX.Element | (() => JSX.Element);
}>;
export const Feature: Component<{ name: string; children?: unknown; fallback?: JSX.Element }>;

export function describe(name: string, body: () => void): void;
export function it(name: string, body: () => void | Promise<void>): void;
export function beforeEach(body: () => void): void;
export function expect(value: unknown): { toBe(value: unknown): void; toEqual(value: unknown): void };
export function when<T>(call: T): { thenReturn(value: T): void };
