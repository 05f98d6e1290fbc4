// Package budget judges recordings against budgets, with intervals and a
// verdict that may be inconclusive.
package budget
