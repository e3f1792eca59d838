# One image, three commands: migrate (once), api, worker. See docs/operations.md.
FROM node:24-bookworm-slim AS build
WORKDIR /sluice
ENV TURBO_TELEMETRY_DISABLED=1
COPY . .
# Not `npm ci`: the lock file lists no other platform's optional packages, and `ci` refuses that.
RUN npm install && npm run build
# What runs: built code, its dependencies, the migrations. Not the embedded Postgres, nor what the web app was built from.
RUN rm -rf node_modules \
  && npm install --no-save --ignore-scripts --omit=dev --omit=peer --omit=optional \
    -w @sluice/api -w @sluice/worker -w @sluice/standalone \
  && find apps packages -mindepth 2 -maxdepth 2 ! -name bin ! -name dist ! -name package.json ! -name node_modules \
    -exec rm -rf {} + \
  && find apps packages -name '*.map' -not -path '*/node_modules/*' -delete \
  && mkdir -p /out/prisma \
  && cp -a package.json node_modules apps packages /out/ \
  && cp -a prisma/migrations /out/prisma/

FROM node:24-bookworm-slim
ENV NODE_ENV=production SLUICE_HOST=0.0.0.0 SLUICE_DATA_DIR=/data
WORKDIR /sluice
COPY --from=build /out ./
RUN mkdir -p /data/blobs && chown -R node:node /data
USER node
VOLUME /data
EXPOSE 8080
CMD ["node", "apps/api/dist/main.js"]
