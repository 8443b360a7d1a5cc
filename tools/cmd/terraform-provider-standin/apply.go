package main

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// change is one order for a resource, with the store locked.
type change struct {
	kind string
	// As it was, nil when it is made.
	prior map[string]any
	// As it is wanted, nil when it goes.
	wanted map[string]any
	held   *contents
}

func (c *change) do() string {
	switch {
	case c.prior == nil:
		return "create"
	case c.wanted == nil:
		return "delete"
	}
	return "update"
}

func (c *change) name() string {
	for _, attributes := range []map[string]any{c.wanted, c.prior} {
		for _, name := range []string{"name", "generate_name", "id"} {
			if text := textOf(attributes[name]); text != "" {
				return text
			}
		}
	}
	return ""
}

func (s *standin) ApplyResourceChange(_ context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	schema := s.recorded.resources[req.TypeName]
	kind := schema.ValueType()
	prior, err := decode(req.PriorState, kind)
	if err != nil {
		return nil, err
	}
	planned, err := decode(req.PlannedState, kind)
	if err != nil {
		return nil, err
	}
	var after tftypes.Value
	failed := s.store.with(func(held *contents) error {
		after, err = s.apply(schema, &change{kind: req.TypeName, held: held}, prior, planned)
		return err
	})
	state, err := encode(kind, after)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state, Diagnostics: failure("", failed), UnsafeToUseLegacyTypeSystem: true}, nil
}

// apply answers with the state that Terraform keeps, also when it fails.
func (s *standin) apply(schema *tfprotov6.Schema, order *change, prior, planned tftypes.Value) (tftypes.Value, error) {
	order.prior, _ = plain(prior).(map[string]any)
	order.wanted, _ = plain(planned).(map[string]any)
	due, err := s.store.takeFault(order.do(), order.kind, order.name())
	if err != nil {
		return prior, err
	}
	var failed error
	if due != nil {
		failed = errors.New(due.words(s.name()))
	}
	if failed == nil || due.made() {
		if err := s.check(order); err != nil {
			return prior, order.note(order.name(), err)
		}
	} else {
		return prior, order.note(order.name(), failed)
	}
	if order.wanted == nil {
		id := textOf(order.prior["id"])
		s.gone(order, id)
		return planned, order.note(id, failed)
	}
	filled := (&filler{provider: s.name(), order: order, number: order.held.number(), held: order.held}).fill(schema.Block, planned)
	attributes, _ := plain(filled).(map[string]any)
	id := textOf(attributes["id"])
	if known := order.held.find(order.kind, id); known != nil {
		if order.prior == nil {
			return prior, order.note(id, s.alreadyThere(order, id))
		}
		known.Attributes = attributes
	} else {
		order.held.Things = append(order.held.Things, thing{Type: order.kind, ID: id, Attributes: attributes})
	}
	if due != nil && !due.known() {
		return prior, order.note(id, failed)
	}
	return filled, order.note(id, failed)
}

func (c *change) note(id string, failed error) error {
	made := call{Do: c.do(), Type: c.kind, ID: id}
	if failed != nil {
		made.Error = failed.Error()
	}
	c.held.Calls = append(c.held.Calls, made)
	return failed
}

// gone takes the thing away, and what lived in it: Rancher's clusters take all along that they hold.
func (s *standin) gone(order *change, id string) {
	order.held.remove(func(one thing) bool { return one.Type == order.kind && one.ID == id })
	if order.kind == "rancher2_cluster_v2" {
		cluster := textOf(order.prior["cluster_v1_id"])
		order.held.remove(func(one thing) bool { return textOf(one.Attributes["cluster_id"]) == cluster })
	}
}
