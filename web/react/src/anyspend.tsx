"use client";

import { type UseMutationResult, type UseQueryResult, useMutation, useQuery } from "@tanstack/react-query";
import type { CreatedSession, Session } from "checkout-sessions";
import {
  AnySpendError,
  anyspend,
  anyspendBaseUrl,
  type CreateCheckoutSessionOptions,
  type CreateCheckoutSessionParams,
  type CreateCheckoutSessionResponse,
  type GetCheckoutSessionResponse,
} from "checkout-sessions/anyspend";
import { useEffect } from "react";
import { Checkout } from "./checkout.js";
import type { CheckoutLook } from "./session-checkout.js";

const POLL_MS = 3_000;
const RETRIES = 3;

/** Whether a failed call may succeed later: no connection, 429 and 5xx. */
function isPassing(error: Error): boolean {
  return !(error instanceof AnySpendError) || error.statusCode === 429 || error.statusCode >= 500;
}

const retry = (failures: number, error: Error) => failures < RETRIES && isPassing(error);
const retryDelay = (failures: number, error: Error) =>
  (error instanceof AnySpendError ? error.retryAfterMs : undefined) ?? Math.min(500 * 2 ** failures, 30_000);

export interface UseCreateCheckoutSessionOptions extends Omit<CreateCheckoutSessionOptions, "idempotencyKey"> {
  onSuccess?: ((session: CreatedSession) => void) | undefined;
  onError?: ((error: Error) => void) | undefined;
}

type Creation = UseMutationResult<CreateCheckoutSessionResponse, Error, Variables>;
type Variables = { params: CreateCheckoutSessionParams; idempotencyKey: string };

export interface UseCreateCheckoutSessionResult extends Omit<Creation, "mutate" | "mutateAsync"> {
  mutate(params?: CreateCheckoutSessionParams): void;
  mutateAsync(params?: CreateCheckoutSessionParams): Promise<CreateCheckoutSessionResponse>;
  createSession(params?: CreateCheckoutSessionParams): void;
  createSessionAsync(params?: CreateCheckoutSessionParams): Promise<CreateCheckoutSessionResponse>;
  isCreating: boolean;
  session: CreatedSession | undefined;
}

/** Creates sessions. Each mutation has one idempotency key, so its retries create nothing twice. */
export function useCreateCheckoutSession(
  options: UseCreateCheckoutSessionOptions = {},
): UseCreateCheckoutSessionResult {
  const { onSuccess, onError, partnerId, accessToken } = options;
  const mutation = useMutation<CreateCheckoutSessionResponse, Error, Variables>({
    mutationFn: ({ params, idempotencyKey }) =>
      anyspend.createCheckoutSession(params, { partnerId, accessToken, idempotencyKey }),
    retry,
    retryDelay,
    onSuccess: (response) => onSuccess?.(response.data),
    onError: (error) => onError?.(error),
  });
  const variables = (params: CreateCheckoutSessionParams = {}) => ({ params, idempotencyKey: crypto.randomUUID() });
  const mutate = (params?: CreateCheckoutSessionParams) => mutation.mutate(variables(params));
  const mutateAsync = (params?: CreateCheckoutSessionParams) => mutation.mutateAsync(variables(params));
  return {
    ...mutation,
    mutate,
    mutateAsync,
    createSession: mutate,
    createSessionAsync: mutateAsync,
    isCreating: mutation.isPending,
    session: mutation.data?.data,
  };
}

export interface UseCheckoutSessionOptions {
  refetchInterval?: number | false | undefined;
  enabled?: boolean | undefined;
}

export type UseCheckoutSessionResult = UseQueryResult<GetCheckoutSessionResponse, Error> & {
  session: Session | undefined;
  isComplete: boolean;
  isExpired: boolean;
};

/** Polls a session until it is `complete` or `expired`, or until the service says that there is none. */
export function useCheckoutSession(
  id: string | null,
  options: UseCheckoutSessionOptions = {},
): UseCheckoutSessionResult {
  const { refetchInterval = POLL_MS, enabled = true } = options;
  const query = useQuery<GetCheckoutSessionResponse, Error>({
    queryKey: ["checkout-session", id],
    queryFn: () => anyspend.getCheckoutSession(id ?? ""),
    enabled: enabled && id !== null,
    retry,
    retryDelay,
    refetchInterval: ({ state }) => (isOver(state.data) ? false : refetchInterval),
  });
  const session = query.data?.success ? query.data.data : undefined;
  return {
    ...query,
    session,
    isComplete: session?.status === "complete",
    isExpired: session?.status === "expired",
  };
}

function isOver(response: GetCheckoutSessionResponse | undefined): boolean {
  if (response === undefined) return false;
  return !response.success || response.data?.status === "complete" || response.data?.status === "expired";
}

export interface AnySpendProps extends CheckoutLook {
  baseUrl?: string;
  mode?: "modal" | "page";
  defaultActiveTab?: "crypto" | "fiat";
  recipientAddress: string;
  destinationTokenAddress: string;
  destinationTokenChainId: number;
  /** In smallest units. Without it, the payer types an amount. */
  destinationTokenAmount?: string;
  checkoutSession?: { success_url?: string; cancel_url?: string; metadata?: Record<string, unknown> };
  /** Called once the session is complete. */
  onSuccess?: (session: Session) => void;
  /** An order of before. It is not shown: an order does not name its session. */
  loadOrder?: string;
  classes?: Record<string, string>;
}

/** AnySpend's component: a session, and then an order with the terms of the props. */
export function AnySpend(props: AnySpendProps) {
  const {
    defaultActiveTab,
    loadOrder,
    checkoutSession = {},
    onSuccess,
    baseUrl,
    mode: _mode,
    classes,
    ...terms
  } = props;
  useEffect(() => {
    if (defaultActiveTab === "fiat") warn("no onramp is configured, so payments by card are not offered");
    if (loadOrder !== undefined) warn("loadOrder is not supported: show the session with <Checkout sessionId>");
  }, [defaultActiveTab, loadOrder]);
  return (
    <div className={classes?.root}>
      <Checkout
        {...terms}
        baseUrl={baseUrl ?? anyspendBaseUrl()}
        checkoutSession={checkoutSession}
        onComplete={onSuccess}
        redirect={terms.redirect ?? "auto"}
      />
    </div>
  );
}

const warned = new Set<string>();

function warn(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  console.warn(`<AnySpend>: ${text}`);
}
