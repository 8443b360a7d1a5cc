package main

import (
	"fmt"
	"strings"
)

// check refuses what the real provider or its API would.
func (s *standin) check(order *change) error {
	rules := s.recorded.Rules[order.kind]
	if order.wanted == nil {
		if order.prior["delete_protection"] == true {
			return fmt.Errorf("%s deletion is protected (protected)", strings.TrimPrefix(order.kind, s.name()+"_"))
		}
		return nil
	}
	if order.prior != nil && order.held.find(order.kind, textOf(order.prior["id"])) == nil {
		return notFound(order.kind, textOf(order.prior["id"]))
	}
	for _, name := range rules.Grows {
		before, _ := order.prior[name].(float64)
		after, _ := order.wanted[name].(float64)
		if after < before {
			return fmt.Errorf("%s can only grow, from %v, not to %v (invalid_input)", name, before, after)
		}
	}
	for _, name := range rules.Unique {
		for _, one := range order.held.Things {
			isOther := one.Type == order.kind && (order.prior == nil || one.ID != textOf(order.prior["id"]))
			if isOther && textOf(one.Attributes[name]) == textOf(order.wanted[name]) {
				return s.alreadyThere(order, textOf(order.wanted[name]))
			}
		}
	}
	for path, to := range rules.References {
		for _, value := range at(order.wanted, strings.Split(path, ".")) {
			if text := textOf(value); text != "" && text != "0" && !s.exists(order.held, to, text) {
				return fmt.Errorf("%s %q of %s not found (invalid_input)", path, text, order.kind)
			}
		}
	}
	if s.name() == "rancher2" {
		return order.checkRancher()
	}
	return nil
}

// exists looks for `type.attribute`, or for a type's id.
func (s *standin) exists(held *contents, to, value string) bool {
	for _, one := range strings.Split(to, "|") {
		kind, attribute, hasAttribute := strings.Cut(one, ".")
		if !hasAttribute {
			attribute = "id"
		}
		for _, attributes := range s.all(held, kind) {
			if textOf(attributes[attribute]) == value {
				return true
			}
		}
	}
	return false
}

func (s *standin) alreadyThere(order *change, name string) error {
	if s.name() == "hcloud" {
		return fmt.Errorf("%s name is already used (uniqueness_error, 2b7d4f1a9c3e5d60)", strings.TrimPrefix(order.kind, "hcloud_"))
	}
	return fmt.Errorf("Bad response statusCode [409]. Status [409 Conflict]. Body: [code=AlreadyExists, message=%s %q already exists] from [%s/v1]", strings.TrimPrefix(order.kind, "rancher2_"), name, rancherURL)
}
