package main

import (
	"context"
	"fmt"
	"time"
)

const (
	stateReady  = "ready"
	stateFailed = "failed"
)

// progress is what every ordered thing tells about itself.
type progress struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// waitReady looks until the thing is ready; it failed, or told nothing new for too long: the error says why.
func (c *client) waitReady(ctx context.Context, what string, look func() (progress, error)) error {
	started, last := time.Now(), progress{}
	for {
		seen, err := look()
		if err != nil {
			return err
		}
		// An upgrade goes from machine to machine, and takes as long as there are some.
		if seen != last {
			started, last = time.Now(), seen
		}
		switch {
		case seen.State == stateReady:
			return nil
		case seen.State == stateFailed:
			return fmt.Errorf("%s failed: %s", what, reasonOr(seen.Reason, "the local cloud gave no reason"))
		case time.Since(started) > c.timeout:
			return fmt.Errorf("%s is still %s after %s: %s", what, seen.State, c.timeout.Round(time.Second),
				reasonOr(seen.Reason, "no reason given"))
		}
		if err := pause(ctx, c.poll); err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
}

// removeAndWait ends with the thing gone; one that never was is gone too.
func (c *client) removeAndWait(ctx context.Context, what, path string) error {
	if err := c.delete(ctx, path); err != nil && !isGone(err) {
		return err
	}
	started := time.Now()
	for {
		var seen progress
		err := c.get(ctx, path, &seen)
		if isGone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if time.Since(started) > c.timeout {
			return fmt.Errorf("%s is still there after %s: %s", what, c.timeout.Round(time.Second),
				reasonOr(seen.Reason, "no reason given"))
		}
		if err := pause(ctx, c.poll); err != nil {
			return fmt.Errorf("waiting for %s to be gone: %w", what, err)
		}
	}
}

func reasonOr(reason, otherwise string) string {
	if reason == "" {
		return otherwise
	}
	return reason
}

func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
