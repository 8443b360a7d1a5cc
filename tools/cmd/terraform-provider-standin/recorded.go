package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// recorded is a provider as it was written down: attributes in words, and what a schema can't say as rules.
type recorded struct {
	// Such as `registry.terraform.io/rancher/rancher2`.
	Address   string                    `json:"address"`
	Provider  map[string]any            `json:"provider"`
	Resources map[string]map[string]any `json:"resources"`
	Data      map[string]map[string]any `json:"data"`
	Rules     map[string]rules          `json:"rules"`
	// What exists without being ordered, by type: locations, machine types, drivers.
	Seeds map[string][]map[string]any `json:"seeds"`

	provider  *tfprotov6.Schema
	resources map[string]*tfprotov6.Schema
	data      map[string]*tfprotov6.Schema
}

type rules struct {
	// Attributes whose change makes the thing anew.
	Replace []string `json:"replace"`
	// Attributes that must differ from those of all other things of the type.
	Unique []string `json:"unique"`
	// Paths of attributes (`network.network_id`) to `type` or `type.attribute` that they must name.
	References map[string]string `json:"references"`
	Importable bool              `json:"importable"`
	// Allowed change of a number: it may only grow.
	Grows []string `json:"grows"`
}

func readRecorded(path string) (*recorded, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := &recorded{resources: map[string]*tfprotov6.Schema{}, data: map[string]*tfprotov6.Schema{}}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if read.provider, err = schemaOf(read.Provider); err != nil {
		return nil, err
	}
	for name, words := range read.Resources {
		if read.resources[name], err = schemaOf(words); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, words := range read.Data {
		if read.data[name], err = schemaOf(words); err != nil {
			return nil, fmt.Errorf("data %s: %w", name, err)
		}
	}
	return read, nil
}
