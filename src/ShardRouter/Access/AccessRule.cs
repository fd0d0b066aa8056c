using ShardCore.Access;

namespace ShardRouter.Access;

/// <summary>What a caller needs for a route, as the route's metadata. A route without one does not let the router start.</summary>
/// <param name="Scopes">Which scopes.</param>
/// <param name="IsAnyEnough">One of them; otherwise it takes all.</param>
/// <param name="IsPublic">No key is asked for.</param>
internal sealed record AccessRule(AccessScope Scopes, bool IsAnyEnough = false, bool IsPublic = false)
{
    /// <summary>What a caller hears of a partition that is not for him, if the address names it.</summary>
    public Outside Outside { get; init; }

    /// <summary>It makes a collection, so one that is not for the caller cannot be "not found".</summary>
    public bool MakesCollection { get; init; }

    /// <summary>With <c>Prefer: return=representation</c> it answers the document, which takes the scope for reading too.</summary>
    public bool CanReturnDocument { get; init; }

    public bool IsMetBy(Callers.Caller caller) => IsAnyEnough ? caller.HasAny(Scopes) : caller.HasAll(Scopes);
}

/// <summary>What a caller hears of a partition that is not for him.</summary>
internal enum Outside
{
    /// <summary>The route looks for itself, because a body names the partitions.</summary>
    IsToldByRoute,

    /// <summary>As if nothing were there.</summary>
    IsNotFound,

    /// <summary>That it is not for him.</summary>
    IsRefused,
}

internal static class AccessRules
{
    public static IEndpointConventionBuilder Needs(
        this IEndpointConventionBuilder route, AccessScope scopes, Outside outside = Outside.IsToldByRoute) =>
        route.WithMetadata(new AccessRule(scopes) { Outside = outside });

    /// <summary>For a route that changes an item and can answer what became of it.</summary>
    public static IEndpointConventionBuilder NeedsToWrite(this IEndpointConventionBuilder route, Outside outside) =>
        route.WithMetadata(new AccessRule(AccessScope.ItemsWrite) { Outside = outside, CanReturnDocument = true });

    public static IEndpointConventionBuilder NeedsAnyOf(this IEndpointConventionBuilder route, AccessScope scopes) =>
        route.WithMetadata(new AccessRule(scopes, IsAnyEnough: true));

    public static IEndpointConventionBuilder NeedsToMakeCollections(this IEndpointConventionBuilder route) =>
        route.WithMetadata(new AccessRule(AccessScope.CollectionsAdmin) { MakesCollection = true });

    public static IEndpointConventionBuilder IsPublic(this IEndpointConventionBuilder route) =>
        route.WithMetadata(new AccessRule(AccessScope.None, IsPublic: true));

    /// <exception cref="InvalidOperationException">A route has no rule, or more than one.</exception>
    public static void RequireOneEach(IEndpointRouteBuilder routes)
    {
        foreach (var endpoint in routes.DataSources.SelectMany(source => source.Endpoints))
            if (endpoint.Metadata.GetOrderedMetadata<AccessRule>().Count != 1)
                throw new InvalidOperationException($"The route {endpoint.DisplayName} has no rule of its own who may use it.");
    }
}
