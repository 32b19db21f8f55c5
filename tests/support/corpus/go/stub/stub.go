// Package stub is what every case of the corpus is run with: conditions, a trace, and a client for flags.
package stub

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

type setup struct {
	Flag       string
	Variant    string
	Value      any
	Conditions map[string]bool
}

var given setup

// Traced is what was done so far.
var Traced = []string{}

func init() {
	if err := json.Unmarshal([]byte(os.Getenv("CORPUS")), &given); err != nil {
		panic(err)
	}
}

// Cond is a condition whose outcomes are both tried.
func Cond(name string) bool { return given.Conditions[name] }

// Trace records a side effect.
func Trace(text string) { Traced = append(Traced, text) }

// Client answers the flag's winning value, and a condition for every other flag.
type Client struct{}

// Details is what a detailed evaluation answers.
type Details[T any] struct {
	Value   T
	Variant string
	Reason  string
}

func answer[T any](key string, fallback T) T {
	value := any(given.Conditions[key])
	if key == given.Flag {
		value = given.Value
	}
	if number, ok := value.(float64); ok {
		if _, whole := any(fallback).(int64); whole {
			value = int64(number)
		}
	}
	if typed, ok := value.(T); ok {
		return typed
	}
	return fallback
}

// IsEnabled is how many clients call it.
func (Client) IsEnabled(key string) bool { return answer(key, false) }

// IsOff is the opposite.
func (Client) IsOff(key string) bool { return !answer(key, false) }

// Allows asks for a user.
func (Client) Allows(ctx context.Context, key string, user any) bool { return answer(key, false) }

// Boolean is OpenFeature's, without an error.
func (Client) Boolean(ctx context.Context, key string, fallback bool, user any) bool {
	return answer(key, fallback)
}

// String is OpenFeature's, without an error.
func (Client) String(ctx context.Context, key string, fallback string, user any) string {
	return answer(key, fallback)
}

// BooleanValue is OpenFeature's.
func (Client) BooleanValue(ctx context.Context, key string, fallback bool, user any) (bool, error) {
	return answer(key, fallback), nil
}

// StringValue is OpenFeature's.
func (Client) StringValue(ctx context.Context, key string, fallback string, user any) (string, error) {
	return answer(key, fallback), nil
}

// IntValue is OpenFeature's.
func (Client) IntValue(ctx context.Context, key string, fallback int64, user any) (int64, error) {
	return answer(key, fallback), nil
}

// FloatValue is OpenFeature's.
func (Client) FloatValue(ctx context.Context, key string, fallback float64, user any) (float64, error) {
	return answer(key, fallback), nil
}

// BooleanValueDetails is OpenFeature's.
func (Client) BooleanValueDetails(ctx context.Context, key string, fallback bool, user any) (Details[bool], error) {
	return Details[bool]{answer(key, fallback), given.Variant, "SPLIT"}, nil
}

// BoolVariation is LaunchDarkly's.
func (Client) BoolVariation(key string, user any, fallback bool) (bool, error) {
	return answer(key, fallback), nil
}

// Run prints what the subject returned, or how it failed, and what was done.
func Run(subject func() any) {
	Traced = []string{}
	result := protected(subject)
	if err, ok := result.(error); ok {
		result = "error: " + err.Error()
	}
	told, err := json.Marshal([]any{result, Traced})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(told))
}

func protected(subject func() any) (result any) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case runtime.Error:
			result = "panic: " + failure.Error()
		default:
			result = fmt.Sprintf("panic: %T", failure)
		}
	}()
	return subject()
}
