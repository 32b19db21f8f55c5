// Package mock has as much of testify's mocks as the corpus describes calls with.
package mock

import "fmt"

// Anything is any argument.
const Anything = "mock.Anything"

// Mock answers what it is told to.
type Mock struct{ calls []*Call }

// Call is one call as it is described.
type Call struct {
	name     string
	given    []any
	answered []any
}

// On describes a call.
func (m *Mock) On(name string, arguments ...any) *Call {
	call := &Call{name: name, given: arguments}
	m.calls = append(m.calls, call)
	return call
}

// Return says what the call answers.
func (c *Call) Return(values ...any) *Call { c.answered = values; return c }

// Once says that the call is made once.
func (c *Call) Once() *Call { return c }

// Maybe says that the call need not be made.
func (c *Call) Maybe() *Call { return c }

// Called answers a call.
func (m *Mock) Called(name string, arguments ...any) []any {
	for _, call := range m.calls {
		if call.name == name && fmt.Sprint(call.given...) == fmt.Sprint(arguments...) {
			return call.answered
		}
	}
	panic("not described: " + name)
}
