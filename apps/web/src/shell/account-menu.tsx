import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import {
  Button,
  Header,
  Menu,
  MenuItem,
  MenuSection,
  MenuTrigger,
  Popover,
  Separator,
} from 'react-aria-components'
import { Icon } from '../parts/icon.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { session } from '../session/session.ts'
import { applyTheme, keptTheme, type Theme, themes } from './theme.ts'

const THEME_NAMES: Record<Theme, string> = { system: 'As the system', light: 'Light', dark: 'Dark' }

export function AccountMenu() {
  const me = useMe()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [theme, setTheme] = useState(keptTheme)
  const signOut = async () => {
    // Without an answer the token lives on at the service until it expires; here it is gone all the same.
    await client()
      .logout()
      .catch(() => undefined)
    await navigate({ to: '/sign-in', search: {} })
    session.end()
    queries.clear()
  }
  return (
    <div className="account">
      <MenuTrigger>
        <Button className="button quiet">
          <Icon name="person" />
          <span className="breaks">
            <span className="unseen">Account of </span>
            {me.displayName}
          </span>
        </Button>
        <Popover className="menu" placement="top start">
          <Menu aria-label="Account">
            <MenuSection>
              <Header>
                Signed in as <strong>{me.name}</strong>
              </Header>
              <MenuItem onAction={() => void navigate({ to: '/tokens' })}>API tokens</MenuItem>
              <MenuItem onAction={() => void navigate({ to: '/password', search: {} })}>
                Change password
              </MenuItem>
            </MenuSection>
            <Separator />
            <MenuSection
              selectionMode="single"
              disallowEmptySelection
              selectedKeys={[theme]}
              onSelectionChange={(keys) => {
                const chosen = themes.find((name) => keys !== 'all' && keys.has(name)) ?? 'system'
                applyTheme(chosen)
                setTheme(chosen)
              }}
            >
              <Header>Colours</Header>
              {themes.map((name) => (
                <MenuItem key={name} id={name}>
                  {THEME_NAMES[name]}
                </MenuItem>
              ))}
            </MenuSection>
            <Separator />
            <MenuItem onAction={() => void signOut()}>Sign out</MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
    </div>
  )
}
