package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func (s *standin) ReadResource(_ context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	kind := s.recorded.resources[req.TypeName].ValueType()
	current, err := decode(req.CurrentState, kind)
	if err != nil {
		return nil, err
	}
	now := tftypes.NewValue(kind, nil)
	known, _ := plain(current).(map[string]any)
	failed := s.store.with(func(held *contents) error {
		due, err := s.store.takeFault("read", req.TypeName, textOf(known["name"]))
		if err != nil {
			return err
		}
		if due != nil {
			return errors.New(due.words(s.name()))
		}
		found := held.find(req.TypeName, textOf(known["id"]))
		if found == nil {
			return nil
		}
		s.look(held, found)
		now, err = typed(kind, found.Attributes)
		return err
	})
	if failed != nil {
		now = current
	}
	state, err := encode(kind, now)
	return &tfprotov6.ReadResourceResponse{NewState: state, Diagnostics: failure("", failed)}, err
}

// look brings up to date what others change: a cluster's nodes follow its pools.
func (s *standin) look(held *contents, found *thing) {
	if found.Type == "rancher2_cluster_sync" {
		found.Attributes["nodes"] = nodesOf(held, textOf(found.Attributes["cluster_id"]))
	}
}

func (s *standin) ImportResourceState(_ context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	kind := s.recorded.resources[req.TypeName].ValueType()
	if !s.recorded.Rules[req.TypeName].Importable {
		return &tfprotov6.ImportResourceStateResponse{Diagnostics: failure("", fmt.Errorf("resource %s doesn't support import", req.TypeName))}, nil
	}
	var found tftypes.Value
	failed := s.store.with(func(held *contents) error {
		one := held.find(req.TypeName, req.ID)
		if one == nil {
			return notFound(req.TypeName, req.ID)
		}
		var err error
		found, err = typed(kind, one.Attributes)
		return err
	})
	if failed != nil {
		return &tfprotov6.ImportResourceStateResponse{Diagnostics: failure("", failed)}, nil
	}
	state, err := encode(kind, found)
	imported := []*tfprotov6.ImportedResource{{TypeName: req.TypeName, State: state}}
	return &tfprotov6.ImportResourceStateResponse{ImportedResources: imported}, err
}

// ReadDataSource answers with the first thing, ordered or always there, that has what is asked for. A data source of a
// plural name answers with all of them.
func (s *standin) ReadDataSource(_ context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	kind := s.recorded.data[req.TypeName].ValueType()
	config, err := decode(req.Config, kind)
	if err != nil {
		return nil, err
	}
	asked, _ := plain(config).(map[string]any)
	var found tftypes.Value
	failed := s.store.with(func(held *contents) error {
		for _, one := range s.all(held, req.TypeName) {
			if fits(one, asked) {
				found, err = typed(kind, overlay(asked, one))
				return err
			}
		}
		return notFound(req.TypeName, described(asked))
	})
	if failed != nil {
		return &tfprotov6.ReadDataSourceResponse{Diagnostics: failure("", failed)}, nil
	}
	state, err := encode(kind, found)
	return &tfprotov6.ReadDataSourceResponse{State: state}, err
}

func (s *standin) all(held *contents, kind string) []map[string]any {
	all := slices.Clone(s.recorded.Seeds[kind])
	for _, one := range held.Things {
		if one.Type == kind {
			all = append(all, one.Attributes)
		}
	}
	return all
}

func fits(one, asked map[string]any) bool {
	for name, value := range asked {
		has, known := one[name]
		if value != nil && known && textOf(has) != textOf(value) {
			return false
		}
	}
	return true
}

func overlay(asked, found map[string]any) map[string]any {
	all := map[string]any{}
	for name, value := range asked {
		all[name] = value
	}
	for name, value := range found {
		all[name] = value
	}
	return all
}

func described(asked map[string]any) string {
	var words []string
	for name, value := range asked {
		if value != nil {
			words = append(words, name+" "+textOf(value))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
