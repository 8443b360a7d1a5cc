package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"
)

// client speaks the local cloud's HTTP API. Everything it asks for may be asked again.
type client struct {
	http    *http.Client
	base    string
	token   string
	timeout time.Duration
	// poll is the time between two looks while waiting; patience is how long a restarting supervisor is waited for.
	poll     time.Duration
	patience time.Duration
}

// apiError is the error body of the API, as it says it.
type apiError struct {
	Status  int            `json:"-"`
	Kind    string         `json:"kind"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

func (e *apiError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the local cloud answered %d %s", e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s (%d %s)", e.Message, e.Status, e.Code)
}

func isGone(err error) bool { return hasStatus(err, http.StatusNotFound) }

func needsReplacement(err error) bool {
	var api *apiError
	return errors.As(err, &api) && api.Status == http.StatusConflict && api.Code == "replace-needed"
}

func hasStatus(err error, status int) bool {
	var api *apiError
	return errors.As(err, &api) && api.Status == status
}

func (c *client) get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

func (c *client) put(ctx context.Context, path string, body, out any) error {
	return c.call(ctx, http.MethodPut, path, body, out)
}

func (c *client) delete(ctx context.Context, path string) error {
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

// call repeats while nobody listens: the supervisor may be restarting, and every call is idempotent.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(c.patience)
	for {
		err := c.once(ctx, method, path, sent, out)
		if !nobodyListens(err) || time.Now().After(deadline) || pause(ctx, c.poll) != nil {
			return err
		}
	}
}

func nobodyListens(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

func (c *client) once(ctx context.Context, method, path string, sent []byte, out any) error {
	// A removal may drain a machine before it answers.
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the local cloud can't be reached (is it running? `cloudmgr doctor` tells): %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("reading the local cloud's answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 400 {
		return failure(resp.StatusCode, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the local cloud's answer to %s %s is not what was expected: %w", method, path, err)
	}
	return nil
}

func failure(status int, text []byte) error {
	body := struct{ Error apiError }{}
	_ = json.Unmarshal(text, &body) // anything else than the API's own error is told by its status alone
	body.Error.Status = status
	return &body.Error
}
