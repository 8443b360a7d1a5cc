package main

import (
	"path/filepath"
	"strings"
)

// fault is an order of a test to fail, in faults.json.
type fault struct {
	Type string `json:"type"`
	// create, update, delete or read; empty: create.
	On string `json:"on"`
	// Only things whose name holds this.
	Name string `json:"name"`
	// quota, capacity, credentials, rate-limit: refused, nothing was made. timeout, partial: made, known to the state,
	// and failed. lost: made, and the state never hears of it.
	Kind string `json:"kind"`
	// How often it still happens; 0: never again.
	Times int `json:"times"`
	// Instead of the words that the provider has for it.
	Message string `json:"message"`
}

func (f *fault) made() bool  { return f.Kind == "timeout" || f.Kind == "partial" || f.Kind == "lost" }
func (f *fault) known() bool { return f.Kind != "lost" }

// takeFault finds the fault that is due for this call and counts it down. Called with the store locked.
func (s store) takeFault(do, kind, name string) (*fault, error) {
	path := filepath.Join(s.folder, "faults.json")
	var faults []fault
	if err := readJSON(path, &faults); err != nil {
		return nil, err
	}
	for index := range faults {
		one := &faults[index]
		on := one.On
		if on == "" {
			on = "create"
		}
		if one.Times > 0 && one.Type == kind && on == do && strings.Contains(name, one.Name) {
			one.Times--
			return one, writeJSON(path, faults)
		}
	}
	return nil, nil
}

// said are the providers' own words, so that what reads them is tested with what they say.
var said = map[string]map[string]string{
	"hcloud": {
		"quota":       "server limit reached (resource_limit_exceeded, 5f0d2c1b9e3a4c77)",
		"capacity":    "error during placement (resource_unavailable, 1e6f3a7c9b2d4e58)",
		"credentials": "the token you provided is invalid (unauthorized)",
		"rate-limit":  "limit of 3600 requests per hour reached (rate_limit_exceeded, 7c1d9e2f3a4b5c68)",
		"timeout":     "timeout while waiting for state to become 'running' (last state: 'initializing', timeout: 5m0s)",
		"partial":     "action create_server failed: unable to provision server (action_failed)",
		"lost":        `Post "https://api.hetzner.cloud/v1/servers": read tcp 10.0.0.2:51234->213.239.246.1:443: read: connection reset by peer`,
	},
	"rancher2": {
		"quota":       "[ERROR] waiting for cluster (fleet-default/omega) to be created: Failed to create machine: operation error EC2: RunInstances, https response error StatusCode: 400, api error VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32 allows",
		"capacity":    "Failed to create machine: operation error EC2: RunInstances, https response error StatusCode: 500, api error InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-central-1a)",
		"credentials": "Bad response statusCode [401]. Status [401 Unauthorized]. Body: [message=must authenticate] from [https://rancher.example.com/v3]",
		"rate-limit":  "Bad response statusCode [429]. Status [429 Too Many Requests]. Body: [] from [https://rancher.example.com/v1]",
		"timeout":     "[ERROR] waiting for cluster (fleet-default/omega) to be created: timeout while waiting for state to become 'true' (last state: 'false', timeout: 30m0s)",
		"partial":     "[ERROR] waiting for cluster (fleet-default/omega) to be created: rkecluster fleet-default/omega: waiting for at least one control plane, etcd, and worker node to be registered",
		"lost":        `Post "https://rancher.example.com/v1/provisioning.cattle.io.clusters": net/http: request canceled (Client.Timeout exceeded while awaiting headers)`,
	},
}

func (f *fault) words(provider string) string {
	if f.Message != "" {
		return f.Message
	}
	if words := said[provider][f.Kind]; words != "" {
		return words
	}
	return "fault " + f.Kind
}
