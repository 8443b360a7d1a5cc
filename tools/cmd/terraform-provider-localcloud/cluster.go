package main

import (
	"context"
	"net/url"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type attrTypes = map[string]attr.Type

// cluster is a Kubernetes control plane with its network, registry and loopback ports; machines are ordered apart.
type cluster struct{ base }

func newCluster() resource.Resource { return &cluster{} }

func clusterPath(name string) string { return "/v1/clusters/" + url.PathEscape(name) }

func (c *cluster) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "localcloud_cluster"
}

// ModifyPlan has an unready cluster ordered again in place: to replace it would cost everything that runs in it.
func (c *cluster) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	inPlace := func(string) bool { return false }
	replanUnready(ctx, req, resp, inPlace, clusterComputed...)
}

func (c *cluster) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	c.ensure(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

func (c *cluster) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	c.ensure(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

// ensure orders and waits. What was seen last is kept in the state also when it failed, so that a later destroy finds it.
func (c *cluster) ensure(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State, problems *diag.Diagnostics) {
	var wanted clusterModel
	problems.Append(plan.Get(ctx, &wanted)...)
	if problems.HasError() {
		return
	}
	order, wrong := wanted.order(ctx)
	problems.Append(wrong...)
	if problems.HasError() {
		return
	}
	name := wanted.Name.ValueString()
	if err := c.client.put(ctx, clusterPath(name), order, nil); err != nil {
		problems.AddError("cluster "+name+" was refused", err.Error()+replaceHint(err, "localcloud_cluster"))
		return
	}
	var seen clusterBody
	err := c.client.waitReady(ctx, "cluster "+name, func() (progress, error) {
		seen = clusterBody{}
		err := c.client.get(ctx, clusterPath(name), &seen)
		return seen.progress, err
	})
	if seen.State != "" {
		made, wrong := clusterFrom(ctx, wanted.Name, seen)
		problems.Append(wrong...)
		problems.Append(state.Set(ctx, made)...)
	}
	if err != nil {
		problems.AddError("cluster "+name+" is not ready", err.Error())
	}
}

func (c *cluster) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var known clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &known)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var seen clusterBody
	err := c.client.get(ctx, clusterPath(known.Name.ValueString()), &seen)
	if isGone(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		resp.Diagnostics.AddError("cluster "+known.Name.ValueString()+" could not be looked at", err.Error())
		return
	}
	now, wrong := clusterFrom(ctx, known.Name, seen)
	resp.Diagnostics.Append(wrong...)
	resp.Diagnostics.Append(resp.State.Set(ctx, now)...)
}

func (c *cluster) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var name types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("name"), &name)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := c.client.removeAndWait(ctx, "cluster "+name.ValueString(), clusterPath(name.ValueString())); err != nil {
		resp.Diagnostics.AddError("cluster "+name.ValueString()+" could not be removed", err.Error())
	}
}

func (c *cluster) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("name"), req, resp)
}

// replaceHint: a cluster is never removed behind the back of who read the plan.
func replaceHint(err error, kind string) string {
	if !needsReplacement(err) {
		return ""
	}
	return "\nThis can't be changed in place. To remove and remake it on purpose, apply with -replace=<its " + kind + ">."
}
