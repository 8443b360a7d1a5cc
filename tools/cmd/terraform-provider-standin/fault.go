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

// Rancher makes the cluster before its machines, so what its machines lack leaves a cluster behind.
func (f *fault) made() bool {
	isOfMachines := f.Type == "rancher2_cluster_v2" && (f.Kind == "quota" || f.Kind == "capacity")
	return isOfMachines || f.Kind == "timeout" || f.Kind == "partial" || f.Kind == "lost"
}

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
		"quota":       "server limit exceeded (resource_limit_exceeded, 5f0d2c1b9e3a4c77)",
		"capacity":    "error during placement (resource_unavailable, 1e6f3a7c9b2d4e58)",
		"credentials": "the token you provided is invalid (unauthorized)",
		"rate-limit":  "limit of 3600 requests per hour reached (rate_limit_exceeded, 7c1d9e2f3a4b5c68)",
		"timeout":     "timeout while waiting for state to become 'running' (last state: 'initializing', timeout: 5m0s)",
		"partial":     "action create_server failed: unable to provision server (action_failed)",
		"lost":        `Post "https://api.hetzner.cloud/v1/servers": read tcp 10.0.0.2:51234->213.239.246.1:443: read: connection reset by peer`,
	},
	"rancher2": {
		"quota":       `Cluster V2 ID fleet-default/omega: failing bootstrap machine(s) omega-control-x7k2p: failed creating server (Amazonec2Machine) in infrastructure provider: CreateError: Failure detected from referenced resource rke-machine.cattle.io/v1, Kind=Amazonec2Machine with name "omega-control-x7k2p": Error creating machine: Error in driver during machine creation: Error launching instance: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to.`,
		"capacity":    `Cluster V2 ID fleet-default/omega: failing bootstrap machine(s) omega-control-x7k2p: failed creating server (Amazonec2Machine) in infrastructure provider: CreateError: Error creating machine: Error in driver during machine creation: Error launching instance: InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-central-1a).`,
		"credentials": "Bad response statusCode [401]. Status [401 Unauthorized]. Body: [message=must authenticate] from [https://rancher.example.com/v3]",
		"rate-limit":  "Bad response statusCode [429]. Status [429 Too Many Requests]. Body: [] from [https://rancher.example.com/v1]",
		"timeout":     "Timeout waiting for cluster V2 ID fleet-default/omega",
		"partial":     "Cluster V2 ID fleet-default/omega: waiting for at least one control plane, etcd, and worker node to be registered",
		"lost":        `Creating cluster V2: Post "https://rancher.example.com/v1/provisioning.cattle.io.clusters": net/http: request canceled (Client.Timeout exceeded while awaiting headers)`,
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
