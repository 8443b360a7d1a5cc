package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// store is what the stand-in's cloud holds, in files that several providers and the tests share.
type store struct{ folder string }

type contents struct {
	Next   int     `json:"next"`
	Things []thing `json:"things"`
	// What was asked of it, in order.
	Calls []call `json:"calls"`
}

type thing struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"`
}

type call struct {
	Do   string `json:"do"`
	Type string `json:"type"`
	ID   string `json:"id"`
	// Of a call that failed.
	Error string `json:"error,omitempty"`
}

func (held *contents) find(kind, id string) *thing {
	for index := range held.Things {
		if held.Things[index].Type == kind && held.Things[index].ID == id {
			return &held.Things[index]
		}
	}
	return nil
}

func (held *contents) remove(gone func(thing) bool) {
	held.Things = slices.DeleteFunc(held.Things, gone)
}

func (held *contents) number() int {
	held.Next++
	return held.Next
}

// with works on the contents alone, and writes what became of them.
func (s store) with(work func(*contents) error) error {
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(s.folder, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	held := &contents{}
	if err := readJSON(filepath.Join(s.folder, "things.json"), held); err != nil {
		return err
	}
	failed := work(held)
	return errors.Join(failed, writeJSON(filepath.Join(s.folder, "things.json"), held))
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	part := path + ".new"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}
