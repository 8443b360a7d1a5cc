// Command terraform-provider-standin stands in for a cloud's Terraform provider in tests. It serves recorded schemas,
// keeps what was ordered in a file, and fails on demand: it proves names, types, references and how we handle a
// provider's answers, nothing about a cloud.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// settings lie beside the program in the mirror's folder, so that no environment has to reach it.
type settings struct {
	// Recorded provider: schemas and rules.
	Schemas string `json:"schemas"`
	// Where what was ordered and the faults lie, shared by all roots. STANDIN_FOLDER counts before it.
	Folder string `json:"folder"`
}

func main() {
	found, err := readSettings()
	if err != nil {
		log.Fatal(err)
	}
	recorded, err := readRecorded(found.Schemas)
	if err != nil {
		log.Fatal(err)
	}
	serve := func() tfprotov6.ProviderServer {
		return &standin{recorded: recorded, store: store{folder: found.Folder}}
	}
	if err := tf6server.Serve(recorded.Address, serve); err != nil {
		log.Fatal(err)
	}
}

func readSettings() (settings, error) {
	var found settings
	program, err := os.Executable()
	if err != nil {
		return found, err
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return found, err
	}
	path := filepath.Join(filepath.Dir(program), "standin.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return found, fmt.Errorf("%s: %w", path, err)
	}
	if folder := os.Getenv("STANDIN_FOLDER"); folder != "" {
		found.Folder = folder
	}
	return found, nil
}
