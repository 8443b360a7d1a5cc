package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
)

// machine is one node of a cluster. It is cattle: what can't be mended is removed and made anew.
type machine struct{ base }

func newMachine() resource.Resource { return &machine{} }

func machinePath(cluster, name string) string {
	return clusterPath(cluster) + "/machines/" + url.PathEscape(name)
}

func (m *machine) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "localcloud_machine"
}

// ModifyPlan shows a machine that failed or is being removed as one to replace; one still creating is waited for.
func (m *machine) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	lost := func(state string) bool { return state == stateFailed || state == "removing" }
	replanUnready(ctx, req, resp, lost, "address")
}

func (m *machine) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	m.ensure(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

func (m *machine) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	m.ensure(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

// ensure orders and waits. What was seen last is kept in the state also when it failed, so that it can be removed.
func (m *machine) ensure(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State, problems *diag.Diagnostics) {
	var wanted machineModel
	problems.Append(plan.Get(ctx, &wanted)...)
	if problems.HasError() {
		return
	}
	order, wrong := wanted.order(ctx)
	problems.Append(wrong...)
	if problems.HasError() {
		return
	}
	if err := m.put(ctx, wanted, order, problems); err != nil {
		problems.AddError(wanted.what()+" was refused", err.Error())
		return
	}
	var seen machineBody
	err := m.client.waitReady(ctx, wanted.what(), func() (progress, error) {
		seen = machineBody{}
		err := m.client.get(ctx, wanted.path(), &seen)
		return seen.progress, err
	})
	if seen.State != "" {
		made, wrong := machineFrom(ctx, wanted, seen)
		problems.Append(wrong...)
		problems.Append(state.Set(ctx, made)...)
	}
	if err != nil {
		problems.AddError(wanted.what()+" is not ready", err.Error())
	}
}

// put replaces the machine where the local cloud says that the change can't be made in place.
func (m *machine) put(ctx context.Context, wanted machineModel, order machineOrder, problems *diag.Diagnostics) error {
	err := m.client.put(ctx, wanted.path(), order, nil)
	if !needsReplacement(err) {
		return err
	}
	problems.AddWarning(wanted.what()+" was drained and made anew", err.Error())
	if err := m.client.removeAndWait(ctx, wanted.what(), wanted.path()); err != nil {
		return err
	}
	return m.client.put(ctx, wanted.path(), order, nil)
}

func (m *machine) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var known machineModel
	resp.Diagnostics.Append(req.State.Get(ctx, &known)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var seen machineBody
	err := m.client.get(ctx, known.path(), &seen)
	if isGone(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.AddError(known.what()+" could not be looked at", err.Error())
		return
	}
	if seen.State == stateFailed {
		resp.Diagnostics.AddWarning(known.what()+" failed and will be replaced", reasonOr(seen.Reason, "no reason given"))
	}
	now, wrong := machineFrom(ctx, known, seen)
	resp.Diagnostics.Append(wrong...)
	resp.Diagnostics.Append(resp.State.Set(ctx, now)...)
}

func (m *machine) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var known machineModel
	resp.Diagnostics.Append(req.State.Get(ctx, &known)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := m.client.removeAndWait(ctx, known.what(), known.path()); err != nil {
		resp.Diagnostics.AddError(known.what()+" could not be removed", err.Error())
	}
}

func (m *machine) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	cluster, name, found := strings.Cut(req.ID, "/")
	if !found || cluster == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.AddError("a machine is imported as cluster/name", "Given was "+req.ID+".")
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("cluster"), cluster)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
}
