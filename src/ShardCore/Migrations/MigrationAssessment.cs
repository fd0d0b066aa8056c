namespace ShardCore.Migrations;

/// <summary>
/// A pure function: (known migrations, applied ones, the present schema) → what is to be done, or why nothing may be done.
/// </summary>
internal static class MigrationAssessment
{
    private const int NamedObjects = 20;

    /// <returns>State UpToDate or Pending if all is well; otherwise a refusal with its <see cref="MigrationResult.Problem"/>.</returns>
    public static MigrationResult Of(IReadOnlyList<Migration> known, IReadOnlyList<AppliedMigration> applied, SchemaFingerprint now)
    {
        var version = applied.Count == 0 ? 0 : applied[^1].Version;
        var appliedVersions = applied.Select(row => row.Version).ToHashSet();
        string[] pending = [.. known.Where(file => !appliedVersions.Contains(file.Version)).Select(file => file.FileName)];

        if (version > known.Count)
            return Refuse(MigrationState.NewerThanKnown,
                $"newer schema than this program knows: the shard has version {version} ({applied[^1].Name}), "
                + $"this program knows up to {known.Count}. Nothing was changed; use the newer program.");
        if (ChangedFile(known, applied) is { } changed)
            return Refuse(
                MigrationState.ChangedFile,
                changed + " Nothing was changed; a released migration never changes, a correction is a further file.");
        if (applied.Count > 0 && SchemaFingerprint.FromJson(applied[^1].Objects).DifferencesIn(now) is { Count: > 0 } differences)
            return Refuse(MigrationState.Drift,
                $"The schema is not as {applied[^1].Name} left it: {Listed(differences)}. "
                + "Nothing was changed; put these objects back as they were.");
        return new MigrationResult(
            version, version, [], pending, pending.Length == 0 ? MigrationState.UpToDate : MigrationState.Pending, Problem: null);

        MigrationResult Refuse(MigrationState state, string problem) => new(version, version, [], pending, state, problem);
    }

    private static string? ChangedFile(IReadOnlyList<Migration> known, IReadOnlyList<AppliedMigration> applied)
    {
        for (var i = 0; i < applied.Count; i++)
        {
            var file = known[i]; // versions are 1, 2, 3 …, and the last applied one is known
            if (applied[i].Version != file.Version)
                return $"{file.FileName} was never applied, although {applied[i].Name} was.";
            if (applied[i].Checksum != file.Checksum)
                return $"{file.FileName} differs from what was applied as {applied[i].Name}.";
        }
        return null;
    }

    private static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(NamedObjects)) + (names.Count > NamedObjects ? $" and {names.Count - NamedObjects} more" : "");
}
