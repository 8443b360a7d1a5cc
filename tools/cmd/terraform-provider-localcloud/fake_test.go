package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fakeCloud keeps what was PUT and answers with it; a thing is ready at the second look.
type fakeCloud struct {
	sync.Mutex
	*httptest.Server
	things  map[string]map[string]any
	looks   map[string]int
	calls   []string
	failing map[string]string  // path → reason for which it ends as failed
	refuse  map[string]refusal // "METHOD path" → the error answered once
	given   map[string]any     // what the cloud itself adds to every cluster
}

type refusal struct {
	status        int
	code, message string
}

func startFake(t *testing.T) *fakeCloud {
	fake := &fakeCloud{
		things: map[string]map[string]any{}, looks: map[string]int{},
		failing: map[string]string{}, refuse: map[string]refusal{},
		given: map[string]any{
			"kubeconfig": "KUBECONFIG", "apiServer": "https://10.0.0.1:6443", "dns": "10.0.0.1", "ca": "CA",
			"registry": map[string]any{"push": "127.0.0.1:5000", "pull": "10.0.0.1:5000"},
			"gateway":  map[string]any{"url": "https://10.0.0.1:7443", "ca": "GATEWAY-CA"},
		},
	}
	fake.Server = httptest.NewServer(fake)
	t.Cleanup(fake.Close)
	return fake
}

func (f *fakeCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Lock()
	defer f.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if no, ok := f.refuse[r.Method+" "+r.URL.Path]; ok {
		delete(f.refuse, r.Method+" "+r.URL.Path)
		answer(w, no.status, map[string]any{"error": map[string]any{"kind": "conflict", "code": no.code, "message": no.message}})
		return
	}
	switch r.Method {
	case http.MethodPut:
		f.put(w, r)
	case http.MethodDelete:
		f.remove(r.URL.Path)
		answer(w, 202, map[string]any{})
	default:
		f.get(w, r)
	}
}

func (f *fakeCloud) put(w http.ResponseWriter, r *http.Request) {
	thing := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&thing)
	parts := strings.Split(r.URL.Path, "/")
	thing["name"], thing["state"] = parts[len(parts)-1], "creating"
	thing["path"], thing["address"] = "/mnt/volumes/"+parts[len(parts)-1], "10.0.0.11"
	if parts[2] == "clusters" && len(parts) == 4 {
		for key, value := range f.given {
			thing[key] = value
		}
	}
	f.things[r.URL.Path], f.looks[r.URL.Path] = thing, 0
	answer(w, 202, thing)
}

func (f *fakeCloud) get(w http.ResponseWriter, r *http.Request) {
	thing, ok := f.things[r.URL.Path]
	if !ok {
		answer(w, 404, map[string]any{"error": map[string]any{"kind": "not-found", "code": "unknown", "message": "no such thing"}})
		return
	}
	if f.looks[r.URL.Path]++; f.looks[r.URL.Path] > 1 && thing["state"] == "creating" {
		thing["state"] = "ready"
		if reason, bad := f.failing[r.URL.Path]; bad {
			thing["state"], thing["reason"] = "failed", reason
		}
	}
	answer(w, 200, thing)
}

func (f *fakeCloud) remove(path string) {
	for known := range f.things {
		if known == path || strings.HasPrefix(known, path+"/") {
			delete(f.things, known)
		}
	}
}

func (f *fakeCloud) set(path, field string, value any) {
	f.Lock()
	defer f.Unlock()
	f.things[path][field] = value
}

func (f *fakeCloud) count(call string) int {
	f.Lock()
	defer f.Unlock()
	found := 0
	for _, made := range f.calls {
		if made == call {
			found++
		}
	}
	return found
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
