export { formatAmount, parseAmount, toDecimal } from "../amounts.js";
export { type FlowApi, type FlowApiOptions, flowApi } from "./api.js";
export { type Attempt, type AttemptStore, browserAttempts, memoryAttempts } from "./attempt.js";
export {
  type Brand,
  type ChainInfo,
  type Configuration,
  chainOf,
  EMPTY_CONFIGURATION,
  isAllowedRedirect,
  type TokenInfo,
  tokenOf,
} from "./configuration.js";
export { browserMachine, Flow, type FlowOptions, type Machine, type Snapshot, type Step } from "./flow.js";
export { loadConfiguration } from "./load-configuration.js";
export { nextRead, type Pace } from "./polling.js";
export {
  balanceData,
  NATIVE,
  type PaymentRequest,
  paymentUri,
  transaction,
  transferData,
  walletLinks,
} from "./transfer.js";
export {
  type Choice,
  type Facts,
  hasExcess,
  type Progress,
  type ShownOffer,
  type Terms,
  type Trust,
  type View,
  type ViewName,
  viewOf,
} from "./view.js";
export type { Problem } from "./wallet-payment.js";
export { discoverWallets, type Provider, type Wallet } from "./wallets.js";
